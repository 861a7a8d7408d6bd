"""Domains of a corpus: clusters of the vectors of its documents, merged, and named by their words."""
