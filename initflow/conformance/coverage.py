"""Which rows of the rules a real kernel has confirmed.

A row is *confirmed* where the simulated kernel answers a recorded case as the real one did (`kernelapi.testing.golden`), refuses
a call there by this row, or has this effect, and answers otherwise when the row is suspended. A crash of the simulated kernel
is no answer. A row that no test host can provoke is *excused*, in the vocabulary of `kernelapi.rules`; any other is *open*.
"""
import collections
import sys
import time
import signal
from fakekernel import subject
from fakekernel.machine import Machine
from fakekernel.syscalls.table import HANDLERS
from fakekernel.syscalls.base import Blocked
from kernelapi.errors import ProcessGone
from kernelapi.rules import rules, Rule
from kernelapi.recorder import Log
from kernelapi.testing import all_cases, golden
from kernelapi.testing.transcript import asked, recorded, transcript

class Watch(set):
    def __init__(self): self.asked={}
    def __contains__(self,row):
        self.asked[row]=None
        return False
crashed=[]
class TooLong(BaseException): pass
def tl(*a): raise TooLong
def guard(h):
    def handle(*args):
        try: return h(*args)
        except (OSError,Blocked): raise
        except Exception as e:
            crashed.append(e); raise
    return handle
GUARDED={n:guard(h) for n,h in HANDLERS.items()}
def play(case, suspended):
    m=Machine(); m.suspended=suspended; m.handlers=GUARDED
    log=Log(); crashed.clear(); rep=None
    signal.setitimer(signal.ITIMER_VIRTUAL, 2, 0.2)
    try:
        rep=subject.run(recorded(case,log),m)
    except (Exception,TooLong) as e:
        crashed.append(e)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        m.close()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return log.events(), rep
if __name__=="__main__":
    signal.signal(signal.SIGVTALRM, tl)
    G=golden.load("6.18")
    t=time.time()
    by=collections.defaultdict(list); base={}
    for case in all_cases():
        w=Watch()
        ev,rep=play(case,w)
        if rep.lacking is not None: continue
        tr=transcript(case,ev,rep)
        g=G.get(case.name)
        if g is None or isinstance(g,str): print("none",case.name); continue
        if d:=g.difference(tr): print(case.name,d); continue
        base[case]=(asked(case,ev),tr,len(ev))
        for r in w.asked: by[r].append(case)
    print(time.time()-t); t=time.time()
    res=collections.Counter()
    for row in rules():
        cases=sorted(by[row],key=lambda c: base[c][2])
        how='unmet' if not cases else 'unnoticed'
        for c in cases[:40]:
            ev,rep=play(c,{row})
            if crashed:
                a=asked(c,ev)
                def first(p):
                    for x,y in zip(a.get(p,[]),base[c][0].get(p,[])):
                        if x!=y: return x[0]==y[0]
                    return False
                if any(first(p) for p in a): how='confirmed'; break
                how='crash '+repr(crashed[0])[:150]+c.name
            elif transcript(c,ev,rep).difference(base[c][1]): how='confirmed'; break
        res[how.split()[0]]+=1
        if how!='confirmed' and not row.excuse: print(row.id,how,len(cases))
    print(res,time.time()-t)
