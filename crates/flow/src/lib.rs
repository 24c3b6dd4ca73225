//! A pipeline file becomes a checked plan, and the plan a cached run.
