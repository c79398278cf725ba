/**
 * Update rules: what one optimizer step does to one parameter. A rule is a value that turns schedules and decays into the
 * numbers of a step; the arithmetic on parameters is one fused kernel. Knows nothing of tapes, loops or files.
 */
package dev.smallbatch.optim.rule;
