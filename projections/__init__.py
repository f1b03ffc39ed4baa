"""What readers see: pure folds over events, which import only the domain."""
