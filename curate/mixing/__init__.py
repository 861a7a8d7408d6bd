"""Searching for the mixture of domains on which a proxy does best: proposals, evaluators, predictors, reports."""
