"""What a correct answer takes; closed forms of pipelines, speculation, rooflines and padding."""
