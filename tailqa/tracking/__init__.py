"""What a run leaves in an experiment tracker that a team already has."""
