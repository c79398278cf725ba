/**
 * The experiments of the small-batch paper at any scale: grids of runs over seeds, figures, and what the paper claims checked
 * claim by claim.
 */
package dev.smallbatch.bench.experiments;
