/**
 * What is used of the official client: it finds the cluster, and signs in. The rest, a class for each kind of object, takes 60 MB of
 * memory: the build leaves it out (scripts/bundle-kubernetes.ts).
 */
export { KubeConfig } from '@kubernetes/client-node/dist/config.js';
