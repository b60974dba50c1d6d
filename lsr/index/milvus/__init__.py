"""Milvus as a search engine, by file, server or cluster."""
