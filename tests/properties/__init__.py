"""Claims of the specification as properties of whatever data Hypothesis finds."""
