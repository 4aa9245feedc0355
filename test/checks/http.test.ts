import type { RequestListener } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/checks/http/schema.ts';
import { useServers } from '../support/http.ts';
import { common, contextFor } from './support/context.ts';
import { createCheck } from './support/create.ts';

const startServer = useServers();
const serve = async (listener: RequestListener) => (await startServer(listener)).origin;

function ask(url: string, changes: Partial<Config> = {}, signal?: AbortSignal) {
  return createCheck({ ...common, kind: 'http', url, status: 200, ...changes })(contextFor('', signal));
}

describe('http', () => {
  test('passes on the expected status and text, with the placeholders filled in both', async () => {
    const origin = await serve((request, response) => response.end(`path ${request.url}\nup{version="2.4.0"} 1`));
    expect(await ask(`${origin}/{service}/{version}?in={environment}`, { contains: 'up{version="{blue}"}' })).toEqual({
      passed: true,
      summary: 'it answered 200 with "up{version=\\"2.4.0\\"}"',
      evidence: [
        { what: 'status of the answer', measured: '200', required: '200' },
        {
          what: 'text of the answer',
          measured: 'contains "up{version=\\"2.4.0\\"}"',
          required: 'contains "up{version=\\"2.4.0\\"}"',
        },
      ],
    });
    expect(await ask(`${origin}/{service}/{version}`, { contains: 'path /recommendation/2.5.0\n' })).toMatchObject({
      passed: true,
    });
  });

  test('fails on another status, and passes when the target is well again', async () => {
    let well = false;
    const origin = await serve((_request, response) => response.writeHead(well ? 200 : 503).end());
    expect(await ask(origin)).toMatchObject({ passed: false, summary: 'it answered 503, expected 200' });
    well = true;
    expect(await ask(origin)).toMatchObject({ passed: true });
  });

  test('fails when the text is missing', async () => {
    const origin = await serve((_request, response) => response.end('something else'));
    expect(await ask(origin, { contains: 'series' })).toMatchObject({
      passed: false,
      summary: 'it answered 200, but without "series"',
    });
  });

  test('fails when the answer comes from the other version, by its text or a header', async () => {
    const origin = await serve((_request, response) => response.setHeader('X-App', 'shop 2.4.0').end('2.4.0'));
    const header = { name: 'x-app', contains: '{version}' };
    expect(await ask(origin, { contains: '{version}', header })).toMatchObject({
      passed: false,
      summary: `it answered 200, but without "2.5.0" and without "2.5.0" in the header x-app; it may be blue's answer`,
      unblock: 'it has to answer 200 with "2.5.0" and "2.5.0" in the header x-app',
    });
    expect(await ask(origin, { contains: '{blue}', header: { name: 'X-App', contains: 'shop {blue}' } })).toMatchObject(
      {
        passed: true,
      },
    );
  });

  test('does not follow a redirect', async () => {
    const origin = await serve((_request, response) => response.writeHead(302, { location: '/' }).end());
    expect(await ask(origin)).toMatchObject({ passed: false, summary: 'it answered 302, expected 200' });
    expect(await ask(origin, { status: 302 })).toMatchObject({ passed: true });
  });

  test('fails when nothing listens there, without telling the address', async () => {
    const { origin, close } = await startServer(() => {});
    await close();
    const finding = await ask(`${origin}/secret-path`);
    expect(finding).toMatchObject({ passed: false, summary: 'it did not answer: connection refused' });
    expect(JSON.stringify(finding)).not.toMatch(/127\.0\.0\.1|secret-path|http:/);
  });

  test('fails when the answer does not come in time, or breaks off', async () => {
    const silent = await serve(() => {});
    expect(await ask(silent, { timeout: 50 })).toMatchObject({
      passed: false,
      summary: expect.stringContaining('no complete answer within 0.05 s'),
    });
    const broken = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
      response.destroy();
    });
    expect(await ask(broken, { contains: 'whole' })).toMatchObject({ passed: false });
  });

  test('reads no more than a megabyte of an answer without an end', async () => {
    const origin = await serve((_request, response) => {
      const more = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(await ask(origin, { contains: 'the end' })).toMatchObject({
      passed: false,
      summary: 'it answered 200, but without "the end"',
    });
  });

  test('rejects with the reason when it is stopped', async () => {
    const stop = new AbortController();
    const origin = await serve(() => stop.abort(new Error('stopped by the test')));
    await expect(ask(origin, {}, stop.signal)).rejects.toThrow('stopped by the test');
  });
});
