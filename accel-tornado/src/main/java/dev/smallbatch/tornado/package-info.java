/**
 * The place of a backend on TornadoVM: for now only a provider that says what is missing. Knows the backend contract
 * alone, and is known to nobody: it is found through {@link java.util.ServiceLoader}.
 */
package dev.smallbatch.tornado;
