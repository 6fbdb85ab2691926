"""The keys table: keys, batches, pools, imports, exports, figures and sources, each with its conditional writes."""
