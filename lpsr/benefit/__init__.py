"""Does restoration help reading? Pipelines of a restoration and a reader, measured on plates of known text."""
