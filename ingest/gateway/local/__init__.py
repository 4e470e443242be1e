"""Devices that speak to a broker at home, and what Home Assistant is told of the gateway there."""
