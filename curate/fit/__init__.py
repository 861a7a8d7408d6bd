"""Everything that trains: a classifier from examples, PreSelect from losses; and what measures the result."""
