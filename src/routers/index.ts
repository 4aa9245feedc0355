export { commandRouter } from './command/router.ts';
export { haproxyRouter } from './haproxy/router.ts';
export { routerAccessRules } from './kubernetes/access-rules.ts';
export { grpcRouteRouter, httpRouteRouter, serviceRouter, virtualServiceRouter } from './kubernetes/router.ts';
