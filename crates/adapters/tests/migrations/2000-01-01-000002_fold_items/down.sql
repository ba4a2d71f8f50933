UPDATE items SET folded = NULL;
