// Holds the precompiled headers of bluec_pch; has no code of its own.
