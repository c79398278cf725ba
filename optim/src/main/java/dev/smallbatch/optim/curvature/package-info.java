/**
 * The curvature of a loss: products with its Hessian, their spectrum by Lanczos' method, and a learning rate made of it. Stands
 * on models and batches; what follows for other batch sizes is arithmetic in {@link dev.smallbatch.optim.batch}.
 */
package dev.smallbatch.optim.curvature;
