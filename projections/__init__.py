"""What readers see: pure folds over events; imports domain."""
