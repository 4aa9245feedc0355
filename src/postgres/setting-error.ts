/** What the connection string, a variable of libpq or a file that they name gets wrong. The message never holds a value that may be secret. */
export class SettingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SettingError';
  }
}
