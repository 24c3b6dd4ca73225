"""Steps of ours beside those of scikit-learn, LightGBM and XGBoost: `benches/peers.py` runs it."""
