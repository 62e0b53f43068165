"""News headlines become trading signals: headlines -> sentiment -> technicals -> scores -> signals -> digest."""
