/** {@code smallbatch bench}: in half a minute what this machine can do, and what of it training and generating use. */
package dev.smallbatch.bench.quick;
