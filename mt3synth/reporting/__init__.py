"""Makes what data, training and evaluation all show: pages, tables, pictures, clips."""
