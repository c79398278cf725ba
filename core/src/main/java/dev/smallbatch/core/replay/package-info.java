/**
 * Kernel calls as data: recorded once, run again. A step makes the same calls on the same tensors every time, so its
 * list is a program that an accelerator can compile. Knows the kernels' contract, no back end.
 */
package dev.smallbatch.core.replay;
