"""How fast: benchmarks of the layers and of the references."""
