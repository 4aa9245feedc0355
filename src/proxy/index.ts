export { createDispatcher, useProxy } from './dispatcher.ts';
