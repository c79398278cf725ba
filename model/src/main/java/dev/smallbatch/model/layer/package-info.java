/**
 * The building blocks of a decoder and the factory their parameters come from. A layer is its parameters and a forward
 * method over {@link dev.smallbatch.core.autograd.Ops}; it knows neither the model around it nor how it is trained.
 */
package dev.smallbatch.model.layer;
