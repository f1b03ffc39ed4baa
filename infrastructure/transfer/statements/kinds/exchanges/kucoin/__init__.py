"""KuCoin: fills and funding of futures, and filled orders on spot."""
