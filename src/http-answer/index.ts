export { ask } from './ask.ts';
export { type ExpectedAnswer, judgeAnswer } from './judge.ts';
export { answerKeys, namesVersion } from './schema.ts';
