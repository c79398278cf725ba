/** The decoder: its configuration, its forward pass, and the directory it is kept in. */
package dev.smallbatch.model.gpt;
