"""Files of rows that are brought in: reading them, what their columns mean, who works on one, what was refused."""
