"""What the books say to those who read them: an account's statement, and tables for analysts."""
