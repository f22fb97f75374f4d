"""The rendered training corpus: public-domain scores, arranged and played by soundfonts."""
