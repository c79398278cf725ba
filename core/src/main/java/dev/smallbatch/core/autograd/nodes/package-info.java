/** One record per differentiable operation: what it saves, its forward, and next to it its backward. */
package dev.smallbatch.core.autograd.nodes;
