"""Templates, pictures drawn by the server, and the assets of the pages."""
