/** Lets requests be made as in a browser, where an address without a host is one of the page's own. */
const ORIGIN = 'http://konstruct.test';
const Native = globalThis.Request;

globalThis.Request = class extends Native {
  constructor(...[input, init]: ConstructorParameters<typeof Native>) {
    super(typeof input === 'string' ? new URL(input, ORIGIN) : input, init);
  }
};
