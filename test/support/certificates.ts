/** A certificate authority of the test's own, and what it signs; valid for a day around now. */
import { generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';

/** PEM texts. */
export type KeyPair = { cert: string; key: string };

export type Authority = {
  /** What the other side is to trust (PEM). */
  cert: string;
  /** A certificate for a server at 127.0.0.1 and `localhost`, or for a client. */
  issue(commonName: string): KeyPair;
};

const DAY_MS = 86_400_000;
const KEY_BITS = 2_048;

export function createAuthority(commonName: string): Authority {
  const own = newKeys();
  const subject = [{ name: 'commonName', value: commonName }];
  const sign = (
    certified: forge.pki.PublicKey,
    name: forge.pki.CertificateField[],
    extensions: object[],
  ): string => {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = certified;
    certificate.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(8))}`;
    certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
    certificate.validity.notAfter = new Date(Date.now() + DAY_MS);
    certificate.setSubject(name);
    certificate.setIssuer(subject);
    certificate.setExtensions(extensions);
    certificate.sign(own.privateKey, forge.md.sha256.create());
    return forge.pki.certificateToPem(certificate);
  };
  return {
    cert: sign(own.publicKey, subject, [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ]),
    issue(name) {
      const issued = newKeys();
      const cert = sign(
        issued.publicKey,
        [{ name: 'commonName', value: name }],
        [
          { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          {
            name: 'subjectAltName',
            altNames: [
              { type: DNS, value: 'localhost' },
              { type: IP, ip: '127.0.0.1' },
            ],
          },
        ],
      );
      return { cert, key: issued.pem };
    },
  };
}

/** Node's own keys: forge takes seconds for one where it finds no native code. */
function newKeys(): forge.pki.rsa.KeyPair & { pem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: KEY_BITS,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return {
    privateKey: forge.pki.privateKeyFromPem(privateKey),
    publicKey: forge.pki.publicKeyFromPem(publicKey),
    pem: privateKey,
  };
}

/** Kinds of alternative names (RFC 5280, GeneralName). */
const DNS = 2;
const IP = 7;
