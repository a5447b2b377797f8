"""Files -> passages: sandboxed parsing, headings and pages kept."""
