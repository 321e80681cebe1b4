"""Join the rooms, one module per job."""
