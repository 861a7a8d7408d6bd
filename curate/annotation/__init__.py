"""Documents rated by a language model behind an HTTP endpoint: the question, who is asked, and what became of it."""
