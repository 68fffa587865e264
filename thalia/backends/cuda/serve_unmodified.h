#pragma once
class Network;
void thalia_open();
void thalia_serve(Network *network);
