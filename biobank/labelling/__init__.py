"""Labels that are printed before there is a tube: ranges of codes, issued to a site, each code used once."""
