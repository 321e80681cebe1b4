"""What other harnesses wrote down → graded pairs."""
