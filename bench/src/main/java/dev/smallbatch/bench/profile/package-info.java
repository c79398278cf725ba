/** Where the time of a training step goes: every kernel call timed, and set against what the machine can do at most. */
package dev.smallbatch.bench.profile;
