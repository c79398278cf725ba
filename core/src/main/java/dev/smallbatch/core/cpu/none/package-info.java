/** The back end that computes nothing: one step on it, with a counting region, tells how much memory a real one takes. */
package dev.smallbatch.core.cpu.none;
