"""Reads exports of the Dropreader."""
