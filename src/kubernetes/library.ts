/**
 * We use the official client only to find the cluster and to sign in. The rest, a class for each kind of object, takes 60 MB of
 * memory, so the build leaves it out (scripts/bundle-kubernetes.ts).
 */
export { KubeConfig } from '@kubernetes/client-node/dist/config.js';
