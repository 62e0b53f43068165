"""Which companies a headline names, and which words of it speak of each: names, ambiguity, relevance, clauses."""
