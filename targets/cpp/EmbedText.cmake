# Writes the text of FROM to TO as a literal of C++.
file(READ ${FROM} text)
file(WRITE ${TO} "R\"bluec(${text})bluec\"\n")
