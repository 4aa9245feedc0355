/** Why a signal aborts when the time for something is over. The message is for people and says what took so long. */
export class TookTooLong extends Error {
  override readonly name = 'TookTooLong';
}
