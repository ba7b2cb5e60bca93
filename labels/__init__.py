"""Labels, box maps and manifests as PDF: geometry and drawing, no database and no HTTP."""
